import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './address.js';
import { chooseAddress, ForbiddenDestination, parseDestination } from './destination.js';

/** Ways to spell something that must not be called; a name resolves to what stands behind it. */
const HOSTILE: [url: string, addresses?: string[]][] = [
  // Loopback in every spelling of an address
  ['http://127.0.0.1/'],
  ['http://127.0.0.1./'],
  ['http://127.1/'],
  ['http://127.0.1/'],
  ['http://2130706433/'],
  ['http://017700000001/'],
  ['http://0x7f000001/'],
  ['http://0x7f.0.0.1/'],
  ['http://0177.0.0.1/'],
  ['http://0177.0x0.0.0x1/'],
  ['http://127.255.255.254/'],
  ['http://１２７.０.０.１/'],
  ['http://①②⑦.⓪.⓪.①/'],
  ['http://127%2e0%2e0%2e1/'],
  ['http://127。0。0。1/'],
  ['http://0/'],
  ['http://0.0.0.0/'],
  ['http://[::1]/'],
  ['http://[0:0:0:0:0:0:0:1]/'],
  ['http://[::]/'],
  // Addresses inside of addresses
  ['http://[::ffff:127.0.0.1]/'],
  ['http://[::ffff:7f00:1]/'],
  ['http://[::ffff:169.254.169.254]/'],
  ['http://[::127.0.0.1]/'],
  ['http://[::ffff:0:127.0.0.1]/'],
  ['http://[64:ff9b::7f00:1]/'],
  ['http://[64:ff9b::169.254.169.254]/'],
  ['http://[64:ff9b:1::a00:1]/'],
  ['http://[2002:7f00:1::]/'],
  ['http://[2002:a9fe:a9fe::1]/'],
  ['http://[2001:0:7f00:1::]/'],
  ['http://[fe80::5efe:127.0.0.1]/'],
  // Private, link-local, shared, reserved, multicast
  ['http://10.0.0.1/'],
  ['http://10.255.255.255/'],
  ['http://172.16.0.1/'],
  ['http://172.31.255.255/'],
  ['http://192.168.0.1/'],
  ['http://0xc0a80001/'],
  ['http://3232235521/'],
  ['http://100.64.0.1/'],
  ['http://100.100.100.200/'],
  ['http://169.254.1.1/'],
  ['http://192.0.0.192/'],
  ['http://192.0.2.1/'],
  ['http://198.18.0.1/'],
  ['http://198.51.100.7/'],
  ['http://203.0.113.9/'],
  ['http://192.88.99.1/'],
  ['http://224.0.0.1/'],
  ['http://239.255.255.250/'],
  ['http://240.0.0.1/'],
  ['http://255.255.255.255/'],
  ['http://[fc00::1]/'],
  ['http://[fd00:ec2::254]/'],
  ['http://[fe80::1]/'],
  ['http://[fec0::1]/'],
  ['http://[ff02::1]/'],
  ['http://[100::1]/'],
  ['http://[2001:db8::1]/'],
  ['http://[2001:10::1]/'],
  // Cloud metadata
  ['http://169.254.169.254/latest/meta-data/'],
  ['http://2852039166/'],
  ['http://0xa9fea9fe/'],
  ['http://0251.0376.0251.0376/'],
  ['http://168.63.129.16/'],
  ['http://metadata.google.internal/', ['169.254.169.254']],
  // Names
  ['http://localhost/', ['127.0.0.1']],
  ['http://LOCALHOST/', ['127.0.0.1']],
  ['http://localhost./', ['127.0.0.1']],
  ['http://a.localhost/', ['127.0.0.1']],
  ['http://printer.local/', ['192.168.1.9']],
  ['http://postgres/', ['10.0.0.2']],
  ['http://db.corp/', ['10.0.0.2']],
  ['https://rebind.example.com/', ['127.0.0.1']],
  ['https://mixed.example.com/', ['93.184.216.34', '10.0.0.1']],
  ['https://mixed6.example.com/', ['2606:2800:220:1::1', '::1']],
  ['https://mapped.example.com/', ['::ffff:10.0.0.1']],
  ['https://zone.example.com/', ['fe80::1%eth0']],
  ['https://global-zone.example.com/', ['2606:2800:220:1::1%eth0']],
  ['https://nonsense.example.com/', ['not an address']],
  // Users, schemes, ports and other tricks of the parser
  ['http://user@example.com/'],
  ['http://user:pass@example.com/'],
  ['http://@example.com/'],
  ['http://example.com@127.0.0.1/'],
  ['http://127.0.0.1#@example.com/'],
  ['http://example.com\\@127.0.0.1/'],
  ['http://example.com/#fragment'],
  ['https://example.com:22/'],
  ['https://example.com:25/'],
  ['https://example.com:5432/'],
  ['https://example.com:6379/'],
  ['https://example.com:99999/'],
  ['ftp://example.com/'],
  ['file:///etc/passwd'],
  ['gopher://example.com/'],
  ['javascript:alert(1)'],
  ['data:text/plain,x'],
  ['//example.com/'],
  ['example.com/hook'],
  ['http://'],
  [''],
  [' https://example.com/'],
  ['https://exam\tple.com/'],
  ['https://example.com/\r\nHost: other'],
  [`https://example.com/${'x'.repeat(2100)}`],
];

const GOOD: [url: string, addresses: string[]][] = [
  ['https://example.com/hook?token=1', ['93.184.216.34', '2606:2800:220:1::1']],
  ['http://example.com:8080/', ['93.184.216.34']],
  ['https://bücher.example/', ['8.8.8.8']],
  ['https://example.com./', ['172.32.0.1']],
  ['http://8.8.8.8/', []],
  ['http://134744072/', []],
  ['https://[2606:4700::1111]:8443/', []],
];

const choose = async (text: string, addresses: string[] = ['93.184.216.34']) =>
  chooseAddress(parseDestination(text, false), { allowPrivate: false, resolve: async () => addresses });

describe('destinations', () => {
  it('the table of hostile spellings is long', () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(60);
    expect(new Set(HOSTILE.map(([url, addresses]) => `${url} ${addresses}`)).size).toBe(HOSTILE.length);
  });

  it.each(HOSTILE)('%j is refused (%j)', async (url, addresses) => {
    await expect(choose(url, addresses)).rejects.toBeInstanceOf(ForbiddenDestination);
  });

  it.each(GOOD)('%j is accepted', async (url, addresses) => {
    expect(isPublicAddress(await choose(url, addresses))).toBe(true);
  });

  it('go round the addresses of a name', async () => {
    const url = parseDestination('https://example.com/', false);
    const resolve = async () => ['8.8.8.8', '8.8.4.4'];
    const turns = [0, 1, 2].map((turn) => chooseAddress(url, { allowPrivate: false, resolve, turn }));
    expect(await Promise.all(turns)).toEqual(['8.8.8.8', '8.8.4.4', '8.8.8.8']);
    await expect(chooseAddress(url, { allowPrivate: false, resolve: async () => [] })).rejects.toThrow('no address');
  });

  it('may be anything with http when private ones are allowed', async () => {
    const url = parseDestination('http://localhost:12345/x', true);
    expect(await chooseAddress(url, { allowPrivate: true, resolve: async () => ['127.0.0.1'] })).toBe('127.0.0.1');
    expect(() => parseDestination('ftp://localhost/', true)).toThrow(ForbiddenDestination);
    expect(() => parseDestination('http://a:b@localhost/', true)).toThrow(ForbiddenDestination);
  });
});
