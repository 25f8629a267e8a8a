"""What an analysis is written with: requests, results, figures as data, and shared arithmetic."""
