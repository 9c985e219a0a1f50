"""Synthetic homework: printed pages, what is written into them, and photos of them.

`sheet`, `tasks`, `exercises`, `forms`, `papers`, `documents` and `kinds` print a page; `hand` and `fill` write into it and know what is answered, blank or struck out;
`photo` and `develop` photograph it and carry that truth along; `scenery` makes what is no page; `shards` keeps it all. What
there is to draw with comes from `shelf`, in two splits. Everything follows from a numpy Generator, so from a seed.
"""
