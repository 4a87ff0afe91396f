"""Teachers: what each kind learns towards and how, behind one protocol."""
