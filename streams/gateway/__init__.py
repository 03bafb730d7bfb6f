"""The gate where webhooks come in: check, append the whole request to the log, answer.

A 2xx is given only after the broker has acknowledged the record; nothing is parsed here, so a body that no
parser understands is kept as well. Every bound (bodies, decompression, time, requests in flight) is one of
`schemas.config.Limits`; what is over a bound, and every failure of ours, is answered with the status that
makes this provider send again (`connectors.base.StatusPolicy`).

    server.serve -> app.build_app -> Gateway.webhook
        admission   how many requests and bytes may be held at once
        body        reading and unpacking under limits
        envelope    the HTTP request as a `RawWebhook`
        answers     responses; metrics: what is counted
        certificates, subscriptions: the two outgoing requests that SNS asks for
"""
