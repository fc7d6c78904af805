import { expect, it } from 'vitest';

import { serverMessage } from '../../../../engine/qdrant/client/answer';
import { withoutSecrets } from '../../../../engine/qdrant/client/secrets';

const told = (message: string) => JSON.stringify({ status: { error: message }, time: 0 });

it.each([
	`https://s3.example.com/b/x.snapshot?X-Amz-Expires=60&X-Amz-Signature=TOPSECRET1&pad=${'p'.repeat(600)}`,
	'https://user:TOPSECRET1@s3.example.com/x.snapshot',
	'https://s3.example.com/x.snapshot#TOPSECRET1',
	'HTTPS://s3.example.com:443/a/../x.snapshot?sig=TOPSECRET1',
	`https://s3.example.com/x.snapshot?sig=TOPSECRET1|a 'b" c`,
	'https://s3.example.com/x.snapshot?a/b=TOPSECRET1%2F%3D',
])('tells nothing of %s but the path, however long it is and wherever the message is cut', (url) => {
	const rewritten = new URL(url).href;
	for (const said of [url, rewritten, decodeURIComponent(rewritten), `'${url}'`]) {
		for (const padding of [0, 300, 460, 480, 490]) {
			const message = serverMessage(400, told(`${'x'.repeat(padding)} Failed to download ${said}: gone`), [url]);
			expect(message).not.toMatch(/TOPS|user:|Signature/);
			expect(message.length).toBeLessThanOrEqual(503);
		}
	}
	expect(withoutSecrets(`from ${url}: gone`, [url])).toContain('x.snapshot');
});

it('tells no API key that somebody in between repeats', () => {
	expect(serverMessage(400, 'Bad header api-key: s3cr3t-key', ['s3cr3t-key'])).toBe('Bad header api-key: ***');
});

it('leaves other messages as they are', () => {
	const message = 'Bad request: Exact search disabled!. Help: Set exact=false.';
	expect(withoutSecrets(message, ['https://x.example/y?a=b'])).toBe(message);
});
