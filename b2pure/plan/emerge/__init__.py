"""The best object from overlapping local and remote ranges.

intents -> overlaps (what is where) -> choose (which ranges are copied) -> cut (legal parts) -> check -> EmergePlan
"""
