"""Who may do what: scopes and what they allow, the texts of tokens, sealed secrets, and how secrets leave no text.

Pure but for `keyring` and `private_file`, which touch files. Users, tokens, secrets and the audit trail are kept in
`store`; the use cases are in `service.access`.
"""
