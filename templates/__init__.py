"""The templates of the book: pages, styles, scripts and the chapters' prose."""
