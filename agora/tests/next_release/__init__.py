"""A release that comes next, for drills: an app with nothing but an additive migration of our tables."""
