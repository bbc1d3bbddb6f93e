"""How the processes talk: topics, messages, sockets, the frame ring, the clock and the actor base."""
