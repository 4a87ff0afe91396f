"""Teachers that stable-baselines3 and sb3-contrib saved, read without unpickling anything."""
