"""How keys are stored and what plays them: helpers of fcurves.py and rig.py."""
