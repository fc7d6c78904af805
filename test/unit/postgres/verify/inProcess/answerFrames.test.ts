import { expect, it } from 'vitest';

import { AnswerFrames } from '../../../../../engine/postgres/verify/inProcess/answerFrames';

function frame(kind: string, text = ''): Buffer {
	const head = Buffer.alloc(5);
	head.write(kind, 'latin1');
	head.writeUInt32LE(text.length, 1);
	return Buffer.concat([head, Buffer.from(text)]);
}

it('takes frames apart wherever they are cut', () => {
	const bytes = Buffer.concat([
		frame('r'),
		frame('d', 'abc'),
		frame('d', 'defghij'),
		frame('e'),
		frame('f', 'It is gone.'),
	]);
	for (let size = 1; size <= bytes.length; size++) {
		const told: string[] = [];
		let data = '';
		const frames = new AnswerFrames({
			data: (piece) => (data += piece.toString()),
			done: () => told.push(`done ${data}`),
			failed: (message) => told.push(message),
		});
		for (let at = 0; at < bytes.length; at += size) frames.push(bytes.subarray(at, at + size));
		expect(told).toEqual(['done ', 'done abcdefghij', 'It is gone.']);
	}
});
