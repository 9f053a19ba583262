"""Conventions of CMS: lumi sections, synchronizations, and jet-energy corrections."""
