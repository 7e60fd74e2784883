"""The bodies of HTTP requests and answers, as types: what a server accepts and what openapi.json promises.

Requests are read with them. Answers are made by `service.bodies`; the models here say how those look, and tests hold
the two together.
"""
