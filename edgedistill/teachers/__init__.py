"""Teachers: what each kind learns towards and how, behind one protocol; those that come trained, and from where."""
