"""What stands behind `b2pure.v1`: thin objects over the functional core, with the names and manners of b2sdk.v1."""
