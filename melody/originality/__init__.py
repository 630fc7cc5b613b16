"""Originality: a small index of the notes that a model learned from, which says of any run of notes whether it is copied.

Conventions
    run        notes in a row of all pitched notes of a piece, in order of onset and pitch, whatever their key, length, loudness, instrument
    token      what lies between two of them: the interval, and the wait in steps of the codec's grid
    13 notes   the shortest run that the index is asked for: of every run of 13 training notes it keeps 12, and misses none
"""
