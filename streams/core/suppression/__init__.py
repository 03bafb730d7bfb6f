"""Who must not be mailed any more: which events say so, how facts join, and the list of it all. Pure."""
