/** What the page uses of spessasynth_lib; the package has the full types. */
export class WorkletSynthesizer {
  constructor(context: BaseAudioContext);
  readonly isReady: Promise<unknown>;
  readonly soundBankManager: { addSoundBank(bank: ArrayBuffer, id: string): Promise<void> };
  connect(destination: AudioNode): AudioNode;
  noteOn(channel: number, pitch: number, velocity: number, options?: { time?: number }): void;
  noteOff(channel: number, pitch: number, options?: { time?: number }): void;
  programChange(channel: number, program: number): void;
  stopAll(force?: boolean): void;
}
