"""The bridge: hears each utterance, tells chitchat from a wish, has the wish done once, and says what came of it.

It knows no audio and no gateway: words come in, words and facts go out.
"""
