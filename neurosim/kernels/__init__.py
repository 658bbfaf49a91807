"""Compiled building blocks: SIMD lanes, tree sweeps, random numbers, and the dialects of generated code."""
