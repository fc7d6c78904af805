import type { INode } from 'n8n-workflow';
import { expect, it } from 'vitest';

import { failureOf, type Judged } from '../../../../nodes/shared/judgedFailure';

const node: INode = { id: '1', name: 'Verify', type: 'verify', typeVersion: 1, position: [0, 0], parameters: {} };
const unopened = (key: string): Judged => ({
	passed: false,
	told: `${key}: incomplete. The manifest ${key}.manifest.json was not made with this passphrase.`,
	unopened: key,
});
const damaged: Judged = { passed: false, told: 'postgres/shop: failed. It is damaged.' };
const good: Judged = { passed: true, told: 'postgres/crm: passed.' };

it('backups of another passphrase have one line together, and hide none that is bad', () => {
	const others = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => unopened(`minio/${name}`));
	const over = [...others, damaged];
	const { message, description } = failureOf(node, over, [...over, good], true);
	expect(message).toBe('8 of 9 have not passed. postgres/shop: failed. It is damaged.');
	expect(description?.split('\n').slice(0, 2)).toEqual([
		'postgres/shop: failed. It is damaged.',
		'7 were encrypted with another passphrase or key than the credential has, so all that is known is that they are as they were stored: minio/a, minio/b, minio/c, minio/d, minio/e and 2 more. Verify them with their own credential.',
	]);
	expect(failureOf(node, others, [...others, good], true).message).toBe(
		'7 of 8 have not passed. They were encrypted with another passphrase or key than the credential has.',
	);
	expect(failureOf(node, [others[0]!], [others[0]!, good], true).message).toContain(
		'1 of 2 has not passed. minio/a: incomplete.',
	);
});
