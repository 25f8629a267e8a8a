"""The parts of an analysis: requests, results, figures as data, and shared arithmetic."""
