"""Whole pieces of work over the rooms below: ``melody.train``, ``melody.evaluate``, and what is typical of a model's styles.

Each is a typed function; the verbs of the command line are thin faces of them. Nothing here prints or knows flags, and torch is
imported when a function is called.
"""
