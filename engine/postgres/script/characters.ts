/* The bytes that matter to the scanner. All others, in any ASCII-safe encoding, may stand in names. */

export const NEWLINE = 0x0a;
export const QUOTE = 0x27;
export const DOUBLE_QUOTE = 0x22;
export const DOLLAR = 0x24;
export const AMPERSAND = 0x26;
export const DASH = 0x2d;
export const SLASH = 0x2f;
export const STAR = 0x2a;
export const BACKSLASH = 0x5c;
export const SEMICOLON = 0x3b;

export enum Class {
	Other,
	Space,
	Word,
	Quote,
	DoubleQuote,
	Dollar,
	Dash,
	Slash,
	Open,
	Close,
	Semicolon,
	Backslash,
	Dot,
}

export const CLASS = new Uint8Array(256);
export const IS_WORD = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
	const character = String.fromCharCode(byte);
	const starts = byte >= 0x80 || /[A-Za-z_]/.test(character);
	if (starts) CLASS[byte] = Class.Word;
	if (starts || /[0-9$]/.test(character)) IS_WORD[byte] = 1;
}
for (const byte of Buffer.from(' \t\n\r\f\v')) CLASS[byte] = Class.Space;
CLASS[QUOTE] = Class.Quote;
CLASS[DOUBLE_QUOTE] = Class.DoubleQuote;
CLASS[DOLLAR] = Class.Dollar;
CLASS[DASH] = Class.Dash;
CLASS[SLASH] = Class.Slash;
CLASS[0x28] = Class.Open;
CLASS[0x29] = Class.Close;
CLASS[SEMICOLON] = Class.Semicolon;
CLASS[BACKSLASH] = Class.Backslash;
CLASS[0x2e] = Class.Dot;
