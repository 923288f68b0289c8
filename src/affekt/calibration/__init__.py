"""From raw outputs to probabilities that mean what they say, to labels that apply, to an honest "cannot tell"."""
