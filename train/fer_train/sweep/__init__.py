"""fer-train sweep: settings are tried by many trainings, and the best ones kept."""
