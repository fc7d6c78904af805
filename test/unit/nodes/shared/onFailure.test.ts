import { expect, it } from 'vitest';

import { onFailureFields } from '../../../../nodes/shared/descriptions/onFailure';

it.each(['verify', 'drill', 'checkTrend'])('%s promises no record, which an option turns off', (operation) => {
	const texts = JSON.stringify(onFailureFields(operation));
	expect(texts).toContain('once everything was looked at');
	expect(texts).not.toContain('recorded');
});
