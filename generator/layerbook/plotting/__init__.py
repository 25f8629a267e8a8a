"""Draw figures as SVG. The only package that imports matplotlib."""
