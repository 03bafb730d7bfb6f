"""The gate where webhooks come in: check, append the whole request to the log, answer.

A 2xx is given only after the broker has acknowledged the record; nothing is parsed here, so a body that no
parser understands is kept as well. Every bound (bodies, decompression, time, requests in flight) is one of
`schemas.config.Limits`; what is over a bound, and every failure of ours, is answered with the status that
makes this provider send again (`connectors.base.StatusPolicy`).

    processes   several of what follows on one port
    server      getting ready, ending in order
    listener -> connection -> parsing   the port, one sender's connection, bytes to requests (http: the values)
    app         what becomes of a request; post: one webhook's way; pages: what the process says about itself
        admission   how many requests and bytes may be held at once
        body        size and unpacking under limits
        envelope    a verified request as a `RawWebhook`
        answers     what senders are told; metrics: what is counted
        certificates, subscriptions: the two outgoing requests that SNS asks for
"""
