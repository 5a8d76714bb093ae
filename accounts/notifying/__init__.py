"""What integrators are told: the types of public events, how one is put and signed, and when it is sent again. Pure."""
