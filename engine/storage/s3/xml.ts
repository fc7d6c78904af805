/**
 * The little of XML that S3's answers use: elements without attributes that matter, without CDATA or comments, and none
 * nested in one of its own name (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html).
 */

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** What stands inside each element of a name, in order, as it is written. */
export function elements(xml: string, name: string): string[] {
	return Array.from(xml.matchAll(patternOf(name)), (match) => match[1] ?? '');
}

/** The text of the first element of a name, or undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
	const inner = patternOf(name).exec(xml)?.[1];
	return inner === undefined ? undefined : unescape(inner);
}

const patterns = new Map<string, RegExp>();

/** Made once, and set to the beginning: a listing of forty thousand objects asks for four elements of each. */
function patternOf(name: string): RegExp {
	const pattern = patterns.get(name) ?? new RegExp(`<${name}(?:\\s[^>]*)?>([^]*?)</${name}>`, 'g');
	patterns.set(name, pattern);
	pattern.lastIndex = 0;
	return pattern;
}

/** Text as it may stand in an element. */
export function escapeXml(text: string): string {
	return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function unescape(text: string): string {
	if (!text.includes('&')) return text;
	return text.replace(
		/&(?:#x([0-9a-f]+)|#([0-9]+)|(\w+));/gi,
		(whole, hex?: string, decimal?: string, name?: string) => {
			if (name !== undefined) return ENTITIES[name] ?? whole;
			return String.fromCodePoint(hex === undefined ? Number(decimal) : parseInt(hex, 16));
		},
	);
}
