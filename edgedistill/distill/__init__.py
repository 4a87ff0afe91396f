"""Real-time policy distillation: the loop of a teacher and its students, what students learn, who watches."""
