"""Trainings as jobs: what runs them beside each other, each in a process of its own."""
