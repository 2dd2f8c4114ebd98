"""Where a running world can be reached: the contract, how it is derived, how it is shown."""
