#!/bin/sh
# Every collection of the beats clock with a plain "yes" as one corpus: datasets/prepare-all.sh FOLDER-WITH-THE-ARCHIVES CORPUS [flags of melody prepare]
# The first four come first and in this order: near-copies in the others follow their split.
set -eu
data=$1
corpus=$2
shift 2
set -- "$@" --styles catalogue -o "$corpus"
for name in js-fakes lieder mutopia pop909 freedoom helland groove ceol-rince carols open-hymnal string-quartets orchestra chopin \
    mutopia-ensembles polish-scores; do
    set -- "$@" "$data/$name.zip"
done
exec ${MELODY:-melody} prepare "$@"
