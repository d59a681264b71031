"""Planning what a workshop can promise: weekly template, heat map, what-if, moves with consent, waiting list."""
