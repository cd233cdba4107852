using System.Buffers.Binary;
using System.Text;

namespace Crisp.CriServer.Streaming.Spdy;

/// <summary>
/// The preset dictionary of header compression (SPDY draft 3.1, section 2.6.10.1): words, each after its length in four bytes,
/// then text.
/// </summary>
internal static class SpdyDictionary
{
    private const string Words =
        "options,head,post,put,delete,trace,accept,accept-charset,accept-encoding,accept-language,accept-ranges,age,all"
        + "ow,authorization,cache-control,connection,content-base,content-encoding,content-language,content-length,conten"
        + "t-location,content-md5,content-range,content-type,date,etag,expect,expires,from,host,if-match,if-modified-sinc"
        + "e,if-none-match,if-range,if-unmodified-since,last-modified,location,max-forwards,pragma,proxy-authenticate,pro"
        + "xy-authorization,range,referer,retry-after,server,te,trailer,transfer-encoding,upgrade,user-agent,vary,via,war"
        + "ning,www-authenticate,method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie,keep-alive,origin";

    private const string Text =
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritativ"
        + "e Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 I"
        + "nternal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec"
        + " 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xm"
        + "l,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset="
        + "iso-8859-1,utf-,*,enq=0.";

    /// <summary>1423 bytes.</summary>
    public static byte[] Bytes { get; } = Build();

    /// <summary>Adler-32 of the bytes, by which a compressed stream names its dictionary (RFC 1950).</summary>
    public static uint Id { get; } = Adler32(Bytes);

    private static byte[] Build()
    {
        var words = Words.Split(',');
        var bytes = new byte[words.Sum(w => 4 + w.Length) + Text.Length];
        var rest = bytes.AsSpan();
        foreach (var word in words)
        {
            BinaryPrimitives.WriteInt32BigEndian(rest, word.Length);
            Encoding.ASCII.GetBytes(word, rest[4..]);
            rest = rest[(4 + word.Length)..];
        }

        Encoding.ASCII.GetBytes(Text, rest);
        return bytes;
    }

    private static uint Adler32(ReadOnlySpan<byte> bytes)
    {
        const uint Base = 65521;
        var (low, high) = (1u, 0u);
        foreach (var b in bytes)
        {
            low = (low + b) % Base;
            high = (high + low) % Base;
        }

        return (high << 16) | low;
    }
}
