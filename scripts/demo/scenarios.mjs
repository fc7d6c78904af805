/**
 * What the demo does, in order. A scenario is { title, run }: `run` gets the environment (scripts/demo/environment.mjs, with
 * `credentials` and `templates`), throws where something is not as it should be, and answers lines that tell what happened.
 */
export const scenarios = [
	{
		title: 'The sample database is there',
		async run({ postgres, shop }) {
			const { rows } = await postgres.query(shop, 'SELECT count(*)::int AS orders FROM orders');
			if (rows[0].orders !== 40000) throw new Error(`Expected 40000 orders, found ${rows[0].orders}.`);
			return [`Database ${shop} on ${postgres.host}:${postgres.port}: ${rows[0].orders} orders`];
		},
	},
];
