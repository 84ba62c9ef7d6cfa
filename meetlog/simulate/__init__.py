"""Simulators: peers to rehearse a meet with, when there is no hardware at hand.

They are honest peers. They speak the languages of `wire` over real sockets
and into real folders, and know nothing of what meetlog does with it.
"""
