"""The expression language of claims."""
