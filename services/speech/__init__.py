"""The duplex speech engine: the Moshi family (NVIDIA PersonaPlex, Kyutai's Moshi) in plain torch, many calls at once.

Every state tensor has the calls' slots as its first axis. The way through: `shapes` (how large), `transformer` and
`model` (the network), `stepping` (one frame of every slot), `priming` (voice and persona, before a call is live),
`codec` (Mimi: sound to codes and back).
"""
