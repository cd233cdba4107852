using System.Globalization;
using System.Text;
using CsCheck;
using Crisp.Sandbox.Logs;
using Xunit;

namespace Crisp.Sandbox.Tests.Logs;

public sealed class LogTimeTests
{
    [Fact]
    public void Write_AgreesWithTheFrameworksFormat()
    {
        var time = new LogTime();
        var first = new DateTime(2006, 1, 2, 15, 4, 5, DateTimeKind.Utc);
        Gen.Long[0, 30 * TimeSpan.TicksPerSecond].Sample(
            ticks =>
            {
                var when = first.AddTicks(ticks);
                var text = new byte[LogTime.Length];
                time.Write(when, text);
                Assert.Equal(when.ToString("yyyy-MM-ddTHH:mm:ss.fffffff00Z", CultureInfo.InvariantCulture), Encoding.ASCII.GetString(text));
            },
            iter: 2000,
            threads: 1);
    }
}
