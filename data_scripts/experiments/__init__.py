"""Experiments: each fills one table of `gradlab.course.results`; the pages in docs/results are made from the tables."""
