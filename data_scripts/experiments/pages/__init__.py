"""The pages, a module each, `page(*tables)`; the prose is in the Markdown file beside it."""
