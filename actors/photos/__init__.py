"""Photos in bulk: many pictures named on all cores, or on a cluster, in a journal that a later run goes on with."""
