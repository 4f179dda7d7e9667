"""Word lists for made-up people, employers and addresses; none of them is taken from a real register."""

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石"
DOUBLE_SURNAMES = ("欧阳", "司马", "上官", "诸葛")
GIVEN_MALE = "伟强磊军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林晨志建国文海东亮"
GIVEN_FEMALE = "芳娜敏静丽艳娟霞秀燕玲婷雪梅倩颖洁琳莉慧萍红玉兰云莹佳欣悦蕾丹晶瑶璐媛琴"
# Characters outside the basic plane and names with a middle dot: both break systems which count bytes or trim.
RARE_GIVEN = ("𬱖", "䶮", "㛃", "堃", "𣇉")
DOTTED_NAMES = ("阿依古丽·麦麦提", "买买提·艾力", "古丽娜尔·吐尔逊", "艾山江·努尔")

EMPLOYER_PLACES = ("汴东", "汴西", "龙亭湖", "金明", "宋城", "黄河北路", "御河", "新区", "杏花营", "祥符")
EMPLOYER_TRADES = (
    "环卫服务",
    "食品加工",
    "机械制造",
    "物业管理",
    "家政服务",
    "餐饮管理",
    "纺织",
    "快递服务",
    "建筑劳务",
    "超市连锁",
    "旅游服务",
    "电子装配",
)
EMPLOYER_FORMS = ("有限公司", "有限责任公司", "商贸有限公司", "合作社")

ROADS = ("安居路", "梧桐街", "杏坛巷", "清明路", "槐荫街", "汴水路", "文昌巷", "仁和路", "丰乐街", "青石巷")
COMPOUNDS = ("和顺苑", "锦绣家园", "福泽小区", "书香苑", "阳光花园", "汴河人家", "康宁小区", "景园")
COLOURS = ("白", "黑", "灰", "银", "红", "蓝")
MODEST_CARS = (("五菱", "LZW6450"), ("吉利", "MR7152"), ("长安", "SC7159"), ("比亚迪", "BYD7152"), ("奇瑞", "SQR7150"))
COSTLY_CARS = (("奥迪", "FV7203"), ("宝马", "BMW7201"), ("奔驰", "BJ7204"))
