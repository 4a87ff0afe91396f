"""What runs tell when they are laid side by side: retention curves, their statistics, tables and plots."""
