"""Payment gateways: what is asked of one, the sandbox (the default), and Stripe. They decide nothing of ours."""
