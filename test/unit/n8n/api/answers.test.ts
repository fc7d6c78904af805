import { expect, it } from 'vitest';

import { ANSWERS } from '../../../../engine/n8n/api/answers';

it('passes on connections of a node with any name', () => {
	const told =
		'{"id":"a1","name":"Odd","nodes":[{"name":"__proto__"}],"connections":{"__proto__":{"main":[]},"constructor":{}}}';
	expect(JSON.stringify(ANSWERS.workflow.parse(JSON.parse(told)))).toBe(told);
});
