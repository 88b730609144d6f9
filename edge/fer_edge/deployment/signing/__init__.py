"""Signatures of models: Ed25519 keys, what a file carries, which keys a device trusts."""
