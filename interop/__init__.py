"""Real B2 clients against `b2pure serve`: what they expect of B2 is what the simulator has to give.

    make interop
    make interop-faulty
    python -m interop --only rclone b2_cli

A scenario per client; each step checks its outcome, and what is stored is read again by a witness that is none of the
clients. The clients live in virtual environments of their own, in `.interop/`, with the versions in `pins/`.
"""
