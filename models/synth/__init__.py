"""Synthetic homework: pages with printed tasks, handwriting in some of their answer areas, and photos of them.

`sheet` draws a flat page and knows which answer areas are filled; `photo` photographs it (camera, scanner or screen) and
carries that truth along; `scenery` makes what is no page. Everything follows from a numpy Generator, so from a seed.
"""
