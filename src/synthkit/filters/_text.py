"""Texts as filters compare them."""

from synthkit.core.texts import normal as normal
