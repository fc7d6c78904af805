const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g;
const LINE_LENGTH = 64;

/**
 * The armored blocks (keys, certificates) in a text, each with its lines as they were. n8n shows secrets in one-line
 * fields, in which a browser turns the line breaks of what is pasted into blanks or drops them.
 */
export function armoredBlocks(text: string): string[] {
	const blocks = text.replaceAll('\\n', '\n').matchAll(BLOCK);
	return [...blocks].map(([block, label = '', body = '']) => {
		return body.trim().includes('\n') ? `${block}\n` : rebuilt(label, body);
	});
}

function rebuilt(label: string, body: string): string {
	// The empty line between header lines and data has become two blanks in a row.
	const gap = body.includes(':') ? body.trim().lastIndexOf('  ') : 0;
	const headers = body
		.trim()
		.slice(0, gap)
		.split(/ (?=[A-Za-z-]+: )/)
		.filter(Boolean);
	const data = body.trim().slice(gap).replace(/\s+/g, '');
	const [, base64 = '', checksum] = /^(.*?)(=[A-Za-z0-9+/]{4})?$/.exec(data) ?? [];
	const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? [];
	// OpenPGP (RFC 4880, 6.2) always has the empty line; PEM (RFC 1421) only after headers.
	const separator = headers.length > 0 || label.startsWith('PGP ') ? [''] : [];
	const all = [...headers, ...separator, ...lines, ...(checksum ? [checksum] : [])];
	return `-----BEGIN ${label}-----\n${all.join('\n')}\n-----END ${label}-----\n`;
}
